"""Speed against floors and peers, in one run on one machine: `make bench`."""
