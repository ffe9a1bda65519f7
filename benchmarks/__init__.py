"""The numbers that the project promises; each is compared with a peer in the same process."""
