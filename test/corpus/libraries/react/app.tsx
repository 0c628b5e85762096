/** @jsxImportSource react */
import { createContext, Suspense, use, useContext, useId, useState } from 'react'
import { renderToString } from 'react-dom/server'
import { renderToReadableStream } from 'react-dom/server.edge'
import { defineApp } from 'unmoor'

const Theme = createContext('light')

function Counter({ from }: { from: number }) {
  const [count] = useState(() => from + 1)
  const id = useId()
  return (
    <button id={id} className={useContext(Theme)} style={{ marginTop: 4 }}>
      {count} &amp; more
    </button>
  )
}

function Later({ text }: { text: Promise<string> }) {
  return <p>{use(text)}</p>
}

function Page({ children }: { children: React.ReactNode }) {
  return (
    <html>
      <head>
        <title>Gräße</title>
      </head>
      <body>{children}</body>
    </html>
  )
}

function Breaks(): never {
  throw new Error('in a component')
}

const html = (body: BodyInit): Response => new Response(body, { headers: { 'content-type': 'text/html' } })

export default defineApp({
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/string':
        return html(
          renderToString(
            <Theme value="dark">
              <Counter from={6} />
            </Theme>,
          ),
        )
      case '/list':
        return html(
          renderToString(
            <ul>
              {['a', '<b>', '"c"'].map((item) => (
                <li key={item}>{item}</li>
              ))}
            </ul>,
          ),
        )
      case '/stream':
        return html(
          await renderToReadableStream(
            <Page>
              <Counter from={1} />
            </Page>,
          ),
        )
      case '/suspense': {
        const text = new Promise<string>((resolve) => setTimeout(() => resolve('Later, ä'), 2))
        const stream = await renderToReadableStream(
          <Page>
            <Suspense fallback={<i>loading</i>}>
              <Later text={text} />
            </Suspense>
          </Page>,
        )
        await stream.allReady
        return html(stream)
      }
      default:
        try {
          return html(await renderToReadableStream(<Breaks />, { onError() {} }))
        } catch (error) {
          return new Response((error as Error).message, { status: 500 })
        }
    }
  },
})
