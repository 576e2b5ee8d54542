"""What tests of all packages share: real servers, processes, and where to find them."""
