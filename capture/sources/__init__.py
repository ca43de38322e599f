"""Where frames come from: the interface of a source, and its two kinds."""

from capture.sources.interface import InterfaceSource
from capture.sources.pcap import PcapSource
from capture.sources.source import Block, Source, SourceError, Statistics

__all__ = ["Block", "InterfaceSource", "PcapSource", "Source", "SourceError", "Statistics"]
