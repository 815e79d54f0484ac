"""What can be set, by environment: each setting has one default, here, and a reader elsewhere."""

from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from corpus.errors import RejoinderError

ESSAYS = Path(__file__).parent / "posts"


class Settings(BaseSettings):
    """The program's settings, read from `REJOINDER_*` (and Ollama's own `OLLAMA_HOST`)."""

    model_config = SettingsConfigDict(
        env_prefix="REJOINDER_", populate_by_name=True, env_ignore_empty=True
    )

    posts: Path = Field(ESSAYS, description="folder of Markdown posts")
    home: Path = Field(
        default_factory=lambda: user_data_path("rejoinder", appauthor=False),
        description="folder that keeps the index",
    )
    corpus: str = Field(
        "", description="name of the collection in place of the posts folder's path"
    )
    chroma_url: str = Field("", description="a Chroma server that several machines share")
    embedder: str = Field("all-MiniLM-L6-v2", description="sentence-transformers name or folder")
    model: str = Field("auto", description="auto, stub, ollama:NAME or openai:NAME")
    ollama_host: str = Field(
        "127.0.0.1:11434",
        validation_alias=AliasChoices("ollama_host", "OLLAMA_HOST"),
        description="address of Ollama's server",
    )
    openai_url: str = Field("", description="base URL of an OpenAI-compatible server")
    openai_key: str = Field("none", description="key for it, where it wants one")
    context: Annotated[int, Field(ge=1024)] = Field(
        8192, description="tokens of the model's window (num_ctx)"
    )
    timeout: Annotated[float, Field(gt=0)] = Field(
        120.0, description="seconds without a token before the model is given up"
    )
    host: str = Field("127.0.0.1", description="address to serve the page on")
    port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        None, description="port of the page; the first free one from 7860 where unset"
    )

    @field_validator("posts", "home")
    @classmethod
    def _at_home(cls, path: Path) -> Path:
        return path.expanduser()


def read_settings(**given: object) -> Settings:
    """Settings from the environment, with what was `given` (and is not None) in its place.

    Raises `RejoinderError` naming the variable whose value cannot be used.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        variable = name if name == "OLLAMA_HOST" else f"REJOINDER_{name}"
        raise RejoinderError(
            f"{variable} is {first['input']!r}: {first['msg'].lower()}. Set another value or unset it."
        ) from error
