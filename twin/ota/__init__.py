"""Over-the-air updates: images, repositories, the clients of sites, and the campaigns that roll releases out."""
