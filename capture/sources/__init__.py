"""Where packets come from: the interface of a source, and its two kinds."""

from capture.sources.interface import InterfaceSource
from capture.sources.pcap import PcapSource
from capture.sources.source import Source, SourceError, Statistics

__all__ = ["InterfaceSource", "PcapSource", "Source", "SourceError", "Statistics"]
