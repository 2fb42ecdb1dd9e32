"""The end of a command, as the error channel tells it."""

import json

from scvk.kubelet.api.remote_status import Exited, NotRun, status_text


def test_a_success_is_a_status_or_nothing() -> None:
    assert json.loads(status_text(Exited(0), as_object=True)) == {"metadata": {}, "status": "Success"}
    assert status_text(Exited(0), as_object=False) == b""


def test_an_exit_code_is_a_cause_of_its_own() -> None:
    status = json.loads(status_text(Exited(3), as_object=True))
    assert status["status"] == "Failure"
    assert status["reason"] == "NonZeroExitCode"
    assert status["details"] == {"causes": [{"reason": "ExitCode", "message": "3"}]}
    assert status_text(Exited(3), as_object=False) == b"command terminated with non-zero exit code: exit status 3"


def test_what_could_not_be_run_is_told_in_words() -> None:
    status = json.loads(status_text(NotRun("no key ü"), as_object=True))
    assert (status["status"], status["message"], status["code"]) == ("Failure", "no key ü", 500)
    assert status_text(NotRun("no key"), as_object=False) == b"no key"
