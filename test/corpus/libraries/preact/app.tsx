/** @jsxImportSource preact */
import { createContext, type FunctionComponent } from 'preact'
import { useContext, useState } from 'preact/hooks'
import { render, renderToStringAsync } from 'preact-render-to-string'
import { renderToReadableStream } from 'preact-render-to-string/stream'
import { defineApp } from 'unmoor'

const Theme = createContext('light')
const Counter: FunctionComponent<{ from: number }> = ({ from }) => {
  const [count] = useState(from)
  return <button class={useContext(Theme)}>{count + 1}</button>
}
const html = (body: BodyInit): Response => new Response(body, { headers: { 'content-type': 'text/html' } })

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/render':
        return html(render(<Counter from={1} />))
      case '/context':
        return html(
          render(
            <Theme.Provider value="dark">
              <Counter from={2} />
            </Theme.Provider>,
          ),
        )
      case '/escaped':
        return html(render(<p title={searchParams.get('text') ?? ''}>{searchParams.get('text')}</p>))
      case '/async':
        return html(
          await renderToStringAsync(
            <div>
              {[1, 2].map((n) => (
                <b key={n}>{n}</b>
              ))}
            </div>,
          ),
        )
      default:
        return html(
          renderToReadableStream(
            <main>
              ä<Counter from={3} />
            </main>,
          ),
        )
    }
  },
})
