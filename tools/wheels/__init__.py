"""Builds llama-cpp-python for ARM boards on a workstation, and proves on an emulated core that each wheel runs."""
