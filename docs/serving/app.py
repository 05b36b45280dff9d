"""A model behind an address: POST an image to /predict, get probabilities by label."""

import os
from contextlib import asynccontextmanager

import numpy as np
from fastapi import FastAPI, HTTPException, Request, UploadFile
from fastapi.responses import PlainTextResponse

import skfashion

MOST_BYTES = 10 << 20
skfashion.set_config(feature_cache_bytes=0)  # each image comes once
model = skfashion.load(os.environ.get("MODEL", "model.skfashion"))


@asynccontextmanager
async def warmed(app):
    model.predict_proba([np.zeros((8, 8, 3), np.uint8)])  # builds and traces the network
    yield


app = FastAPI(lifespan=warmed)


@app.middleware("http")
async def bounded(request: Request, respond):
    if int(request.headers.get("content-length", MOST_BYTES + 1)) > MOST_BYTES:
        return PlainTextResponse(f"more than {MOST_BYTES:,} bytes, or no length", 413)
    return await respond(request)


@app.post("/predict")
def predict(image: UploadFile):
    try:
        probabilities = model.predict_proba([image.file])[0]
    except ValueError as error:  # not an image, or one made to exhaust memory
        raise HTTPException(422, str(error)) from None
    by_label = zip(model.classes_.astype(str), probabilities.tolist(), strict=True)
    return dict(sorted(by_label, key=lambda pair: -pair[1]))
