"""The batch report: what a line's stores hold of one batch, as one fixed and hashed document.

`gather` reads the stores, `document` puts it into words as a list of blocks, `drawing` draws,
`page` and `pdf` write the same blocks as HTML and as PDF/A.
"""
