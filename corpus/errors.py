"""What can fail. Each message says what, with which value, and what to do next.

RejoinderError                everything below; the command prints it on one line, exit 1
├── NoPosts                   a posts folder that is missing or holds nothing to read
├── PlaceUnknown              a scope that names no post, section or passage
├── EmbedderFailed            an embedder that cannot be found, checked or loaded
├── StoreFailed               the index folder or the Chroma server cannot be used
├── InputUnreadable           a line of a given file that is not what the command reads
├── PortTaken                 an address that cannot be listened on
└── ModelError                the language model, in whatever way it is reached
    ├── ModelUnreachable      nothing answers at its address
    ├── ModelMissing          the server does not have it
    ├── ModelOutOfMemory      it does not fit
    ├── ModelFailed           the server answered with an error
    ├── ModelSilent           no token for too long
    ├── ReplyCut              the connection or the stream broke off
    ├── ReplyGarbled          the answer is not what the protocol says
    └── ReplyEmpty            the model ended without a word
"""


class RejoinderError(Exception):
    """Anything that this program can explain to who runs it."""


class NoPosts(RejoinderError):
    """A posts folder that is missing or holds nothing to read."""


class PlaceUnknown(RejoinderError):
    """A scope that names no post, section or passage."""


class EmbedderFailed(RejoinderError):
    """An embedder that cannot be found, checked or loaded."""


class StoreFailed(RejoinderError):
    """The index folder or the Chroma server cannot be used."""


class InputUnreadable(RejoinderError):
    """A line of a given file that is not what the command reads."""


class QuestionTooLong(RejoinderError):
    """A question that leaves no room in the model's window."""


class PortTaken(RejoinderError):
    """An address that cannot be listened on."""


class ModelError(RejoinderError):
    """The language model failed, in whatever way it is reached."""


class ModelUnreachable(ModelError):
    """Nothing answers at the model server's address."""


class ModelMissing(ModelError):
    """The server does not have the model."""


class ModelOutOfMemory(ModelError):
    """The model does not fit into the server's memory."""


class ModelFailed(ModelError):
    """The server answered with an error."""


class ModelSilent(ModelError):
    """No token came for too long."""


class ReplyCut(ModelError):
    """The connection or the stream broke off before the reply was whole."""


class ReplyGarbled(ModelError):
    """The answer is not what the protocol says."""


class ReplyEmpty(ModelError):
    """The model ended without a word."""
