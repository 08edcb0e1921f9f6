"""Event files by TensorBoard's own writer (pip install tensorboard): python generate.py > events.json"""

import json

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter


class Sink:
    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data


def hparams(time, tag, data):
    metadata = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="hparams", content=data.SerializeToString())
    )
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    zero = tensor_pb2.TensorProto(dtype=1, tensor_shape=shape, float_val=[0])
    value = summary_pb2.Summary.Value(tag=tag, tensor=zero, metadata=metadata)
    return event_pb2.Event(wall_time=time, summary=summary_pb2.Summary(value=[value]))


def scalar(time, step, tag, number):
    value = summary_pb2.Summary.Value(tag=tag, simple_value=number)
    return event_pb2.Event(wall_time=time, step=step, summary=summary_pb2.Summary(value=[value]))


start = plugin_data_pb2.SessionStartInfo(group_name="run-1", start_time_secs=1700000000.5)
start.hparams["head.epochs"].number_value = 2
end = plugin_data_pb2.SessionEndInfo(status=1, end_time_secs=1700000003.75)
events = [
    event_pb2.Event(wall_time=1700000000.5, file_version="brain.Event:2"),
    hparams(1700000000.5, "_hparams_/session_start_info", plugin_data_pb2.HParamsPluginData(session_start_info=start)),
    scalar(1700000003.75, 1, "head/loss", 0.75),
    scalar(1700000003.75, 1, "head/learning-rate", 0.001),
    scalar(1700000003.75, 300, "head/loss", float("nan")),
    scalar(1700000003.75, 300, "head/learning-rate", 0.001),
    scalar(1700000003.75, 0, "score/log-loss", 0.1),
    hparams(1700000003.75, "_hparams_/session_end_info", plugin_data_pb2.HParamsPluginData(session_end_info=end)),
]
sink = Sink()
writer = RecordWriter(sink)
for event in events:
    writer.write(event.SerializeToString())
print(json.dumps({"hex": sink.data.hex()}))
