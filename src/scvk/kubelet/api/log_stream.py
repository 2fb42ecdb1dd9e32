"""Log lines as the body of an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from lightkube.resources.core_v1 import Pod
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from scvk.kubelet.api.log_query import LogView, shown
from scvk.kubelet.capabilities import LogLine, LogSource, NotPossible


async def log_response(source: LogSource | None, pod: Pod, container: str, view: LogView) -> Response:
    """Return the answer; raises NotPossible before anything is sent."""
    if source is None:
        raise NotPossible("this virtual kubelet cannot show logs")
    if view.is_stderr_only:
        return PlainTextResponse("")
    lines = await source.logs(pod, container, view.request)
    return StreamingResponse(_body(lines, view), media_type="text/plain")


async def _body(lines: AsyncIterator[LogLine], view: LogView) -> AsyncIterator[bytes]:
    left = view.limit_bytes
    try:
        async for line in lines:
            data = shown(line, timestamps=view.timestamps)
            if left is not None:
                data = data[:left]
                left -= len(data)
            yield data
            if left == 0:
                return
    except NotPossible as error:
        # The answer has begun: all that is left is to say why it ends, where the reader looks.
        yield f"(the log cannot be read any further: {error})\n".encode()
