import { jsxRenderer } from 'hono/jsx-renderer'

export const renderer = jsxRenderer(({ children, title }) => (
  <html lang="en">
    <head>
      <title>{title}</title>
      <link href="/style.css" rel="stylesheet" />
    </head>
    <body>{children}</body>
  </html>
))

declare module 'hono' {
  interface ContextRenderer {
    (content: string | Promise<string>, props: { title: string }): Response
  }
}
