"""What programs use, from the figures that instances show: refreshed by the platform once a minute, read less often.

`refresh` estimates when figures were refreshed, `life` keeps those of one run of a program, `book` those of a node;
`reader` tells the kubelet of them, and `rounds` asks for them more often while somebody reads.
"""
