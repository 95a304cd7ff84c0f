"""TensorBoard event files in one piece: the same content gives the same bytes, and torch is not needed.

The logger writes the event files that grow during training.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.image.plugin_data_pb2 import ImagePluginData
from tensorboard.plugins.text.plugin_data_pb2 import TextPluginData
from tensorboard.summary.writer.record_writer import RecordWriter

Value = Any  # a Summary.Value; the generated classes have no types


def event_file(values: Sequence[Value], moment: float) -> bytes:
    """The bytes of an event file with these values at step 0; ``moment``: unix seconds."""
    buffer = io.BytesIO()
    records = RecordWriter(buffer)
    records.write(Event(wall_time=moment, file_version="brain.Event:2").SerializeToString())
    for value in values:
        event = Event(wall_time=moment, step=0, summary=Summary(value=[value]))
        records.write(event.SerializeToString(deterministic=True))
    return buffer.getvalue()


def text(tag: str, markdown: str) -> Value:
    """A Markdown text, shown under *Text*."""
    return _strings(tag, [markdown.encode()], "text", TextPluginData(version=0))


def image(tag: str, png: bytes) -> Value:
    """A picture, shown under *Images*."""
    width, height = struct.unpack(">II", png[16:24])  # in the first chunk, IHDR
    return _strings(tag, [str(width).encode(), str(height).encode(), png], "images", ImagePluginData(version=0))


def histogram(tag: str, data: NDArray) -> Value:
    """A histogram of 30 bins of equal width, shown under *Histograms* and *Distributions*."""
    return histogram_pb(tag, data).value[0]


def _strings(tag: str, content: list[bytes], plugin: str, plugin_data: Any) -> Value:
    data = SummaryMetadata.PluginData(plugin_name=plugin, content=plugin_data.SerializeToString())
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(content))])
    tensor = TensorProto(dtype=DT_STRING, string_val=content, tensor_shape=shape)
    return Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=data), tensor=tensor)
