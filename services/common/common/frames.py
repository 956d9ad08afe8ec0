"""What the frames of AMQP 0-9-1 begin with, for those that are read and made without the client library.

Source: sections 2.3.5 and 4.2 of https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
"""

import struct

# kind, channel and size of the payload; then that, and FRAME_END
FRAME = struct.Struct(">BHI")
# of a content header: class, weight, size of the body, which properties are there; then those in order
CONTENT = struct.Struct(">HHQH")
