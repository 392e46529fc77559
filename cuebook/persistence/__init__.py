"""What is kept: journal, records, blobs, fingerprints, value codec. Knows no actor."""
