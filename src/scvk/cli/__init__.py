"""The commands of `scvk`: parse, wire, report. What they do lives in the other rooms."""
