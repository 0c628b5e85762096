/** @jsxImportSource hono/jsx */
import { Hono } from 'hono'
import { html } from 'hono/html'
import { type FC, type PropsWithChildren, Suspense, createContext, useContext } from 'hono/jsx'
import { jsxRenderer, useRequestContext } from 'hono/jsx-renderer'
import { renderToReadableStream } from 'hono/jsx/streaming'
import { defineApp } from 'unmoor'

const app = new Hono()

const Layout: FC<PropsWithChildren<{ title: string }>> = ({ title, children }) => (
  <html lang="en">
    <head>
      <title>{title}</title>
    </head>
    <body>{children}</body>
  </html>
)

const Theme = createContext('light')
const Button: FC = () => <button class={useContext(Theme)}>Push</button>

const AsyncName: FC<{ name: string }> = async ({ name }) => {
  await new Promise((resolve) => setTimeout(resolve, 1))
  return <b>{name}</b>
}

app.get('/messages', (c) => {
  const messages = ['Good Morning', 'Good <Evening>', 'Good "Night"']
  return c.html(
    <Layout title="Messages & more">
      <ul>
        {messages.map((message, index) => (
          <li key={index} data-index={index}>
            {message}
          </li>
        ))}
      </ul>
    </Layout>,
  )
})
app.get('/context', (c) =>
  c.html(
    <Theme.Provider value="dark">
      <Button />
    </Theme.Provider>,
  ),
)
app.get('/async', (c) => c.html(<AsyncName name="Grüße" />))
app.get('/raw', (c) =>
  c.html(<div dangerouslySetInnerHTML={{ __html: '<i>raw</i>' }} style={{ color: 'red' }} />),
)
app.get('/html', (c) =>
  c.html(
    html`<!DOCTYPE html>
      <h1>${c.req.query('name')}</h1>`,
  ),
)

app.use(
  '/page/*',
  jsxRenderer(({ children }) => (
    <html>
      <body>
        <p>{useRequestContext().req.path}</p>
        {children}
      </body>
    </html>
  )),
)
app.get('/page/about', (c) => c.render(<h1>About me</h1>))

app.get('/stream', (c) =>
  c.body(
    renderToReadableStream(
      <html>
        <body>
          <Suspense fallback={<div>loading...</div>}>
            <AsyncName name="Later" />
          </Suspense>
        </body>
      </html>,
    ),
    { headers: { 'Content-Type': 'text/html; charset=UTF-8', 'Transfer-Encoding': 'chunked' } },
  ),
)

export default defineApp({ fetch: app.fetch })
