FROM python:3.11-slim

# PyTorch's CPU build: 200 MB in place of several GB of CUDA. Empty takes the default index's.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

RUN useradd --create-home --uid 1000 reader \
    && mkdir /data && chown reader:reader /data

WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY corpus corpus
COPY prompts prompts
COPY chat chat
RUN pip install --no-cache-dir -c constraints.txt setuptools \
    && pip install --no-cache-dir -c constraints.txt ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} torch \
    && pip install --no-cache-dir --no-build-isolation -c constraints.txt . \
    && python -c "from corpus.embedding import carried_model, check_weights; check_weights(carried_model())"

USER reader
WORKDIR /home/reader
ENV REJOINDER_HOME=/data \
    REJOINDER_HOST=0.0.0.0 \
    REJOINDER_PORT=7860
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/', timeout=4)"]
CMD ["rejoinder"]
