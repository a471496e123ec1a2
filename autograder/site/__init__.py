"""The rendered course: pages for Sphinx made from solutions/, the banks of answers and site/, in two editions."""
