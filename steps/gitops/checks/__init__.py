"""What no schema knows: that the parts of a repository fit together. Each rule is one function of the whole tree."""
