"""The metadata of a cluster: records, the state they make, the journal and the image that keep them."""
