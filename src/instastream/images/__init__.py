"""Photographs and animations: hostile bytes in, WebP variants out, by processes that may die."""
