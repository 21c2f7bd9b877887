"""The built pages, or one page that says how to build them."""

from pathlib import Path

from fastapi import FastAPI, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BUILT = Path(__file__).parent / "static"

MISSING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Bioline Twin</title>
<h1>The pages are not built yet</h1>
<p>The service runs and its interface answers at <a href="/api/v1/line">/api/v1/line</a>.
Build the pages once in the project's folder, then reload:</p>
<pre>make front</pre>
<h1 lang="fr">Les pages ne sont pas encore construites</h1>
<p lang="fr">Le service tourne. Exécutez
la commande ci-dessus une fois dans le dossier du projet, puis rechargez la page.</p>
</html>
"""


class Built(StaticFiles):
    """Files named after their content may be kept for a year; the page itself is always asked for."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file with its caching rule."""
        response = await super().get_response(path, scope)
        lasting = path.startswith("assets")
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return response


def install(app: FastAPI, folder: Path) -> None:
    """Serve `folder` at the root of `app`."""
    if (folder / "index.html").is_file():
        app.mount("/", Built(directory=folder, html=True), name="pages")
        return

    @app.get("/", include_in_schema=False)
    async def missing() -> Response:
        """Tell how to build the pages."""
        return Response(MISSING, 503, media_type="text/html")
