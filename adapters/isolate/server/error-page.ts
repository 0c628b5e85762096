import type { StackMapper } from './stack-mapper.ts'

const LINES_AROUND = 4

/**
 * Returns the response to an error while the app is being developed. A browser gets a page with the message,
 * the stack in the app's sources and the lines around its first place; other clients get text.
 */
export function errorPage(request: Request, text: string, mapper: StackMapper): Response {
  const wantsHtml = request.headers.get('accept')?.includes('text/html') === true
  if (!wantsHtml)
    return new Response(`${text}\n`, {
      status: 500,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    })
  const [title = '', ...frames] = text.split('\n')
  const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
<style>body{font:15px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.2rem;color:#b00020}
pre{background:#f6f6f6;padding:1rem;overflow:auto}mark{background:#ffd9de;display:block}
p{color:#666}</style></head>
<body><h1>${escape(title)}</h1>
${excerpt(frames, mapper)}<pre>${escape(frames.join('\n'))}</pre>
<p>${escape(`${request.method} ${request.url}`)}. Shown by unmoor dev only;
in production clients get “Internal Server Error”.</p>
</body></html>
`
  return new Response(page, { status: 500, headers: { 'content-type': 'text/html; charset=utf-8' } })
}

function excerpt(frames: readonly string[], mapper: StackMapper): string {
  for (const frame of frames) {
    const [, file = '', line = ''] = /([^\s()]+):(\d+):\d+\)?$/.exec(frame) ?? []
    const source = file.startsWith('node_modules/') ? undefined : mapper.source(file)
    if (source === undefined) continue
    const at = Number(line)
    const first = Math.max(1, at - LINES_AROUND)
    const shown = source.split('\n').slice(first - 1, at + LINES_AROUND)
    const rows = shown.map((text, index) => {
      const row = escape(`${String(first + index).padStart(5)}  ${text}`)
      return first + index === at ? `<mark>${row}</mark>` : `${row}\n`
    })
    return `<p>${escape(file)}:${at}</p><pre>${rows.join('')}</pre>\n`
  }
  return ''
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] as string)
}
