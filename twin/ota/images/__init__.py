"""Firmware images, their manifests, and the releases that they belong to."""
