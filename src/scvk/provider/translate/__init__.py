"""Pod in, create request out: a pure function, and a word for every field that is not carried over."""
