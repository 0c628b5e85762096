import type { IncomingMessage, ServerResponse } from 'node:http'

/** Response header by which the error page of `unmoor dev` learns that the app does not run yet. */
const HEADER = 'x-unmoor-dev-error'

/**
 * Answers 503 with the build's or app's error in `unmoor dev`: to browsers as a page that reloads once the
 * app runs, to other clients as JSON.
 */
export function errorAnswer(incoming: IncomingMessage, outgoing: ServerResponse, message: string): void {
  const isPage = /\btext\/html\b/.test(incoming.headers.accept ?? '')
  const body = isPage
    ? page(message)
    : `${JSON.stringify({ title: 'The app is not running', status: 503, detail: message })}\n`
  outgoing.writeHead(503, {
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'retry-after': '1',
    [HEADER]: '1',
  })
  outgoing.end(incoming.method === 'HEAD' ? undefined : body)
}

const page = (message: string): string => `<!doctype html>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>The app is not running</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
pre { font: 14px/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
  border-left: 4px solid #c0392b; padding: .5rem 1rem; background: rgb(127 127 127 / 12%) }
</style>
<h1>The app is not running</h1>
<pre>${escape(message)}</pre>
<p>This page loads again as soon as the app runs.</p>
<script>
setInterval(async () => {
  const answer = await fetch(location.href, { method: 'HEAD' }).catch(() => undefined)
  if (answer !== undefined && !answer.headers.has('${HEADER}')) location.reload()
}, 1000)
</script>
`

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
