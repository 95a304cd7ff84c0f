"""Sources of published datasets: find manual copies, download, verify, unpack."""
