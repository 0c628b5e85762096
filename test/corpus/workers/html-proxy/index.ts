class AttributeRewriter {
  constructor(
    private attribute: string,
    private from: string,
    private to: string,
  ) {}
  element(element: Element) {
    const value = element.getAttribute(this.attribute)
    if (value) element.setAttribute(this.attribute, value.replace(this.from, this.to))
  }
}

export default {
  async fetch(request: Request, env: { UPSTREAM_URL: string }): Promise<Response> {
    const url = new URL(request.url)
    const upstream = await fetch(env.UPSTREAM_URL + url.pathname + url.search, {
      method: request.method,
      headers: { accept: request.headers.get('accept') ?? '*/*', 'x-forwarded-path': url.pathname },
      body: request.body,
      redirect: 'manual',
    })
    if (!upstream.headers.get('content-type')?.startsWith('text/html')) return upstream
    let title = ''
    const rewriter = new HTMLRewriter()
      .on('a[href]', new AttributeRewriter('href', 'http://old.example', 'https://new.example'))
      .on('img', new AttributeRewriter('src', 'http:', 'https:'))
      .on('title', {
        text(chunk) {
          title += chunk.text
          if (chunk.lastInTextNode) chunk.after(' (proxied)')
        },
      })
      .on('script', { element: (element) => void element.remove() })
      .on('p.secret', { element: (element) => void element.replace('<em>gone</em>', { html: true }) })
      .on('body', {
        element(element) {
          element.prepend('<!-- banner -->', { html: true })
          element.append(`<footer>${url.pathname}</footer>`, { html: true })
          element.onEndTag((end) => void end.before(`<i>${title}</i>`, { html: true }))
        },
      })
      .onDocument({
        comments: (comment) => void comment.remove(),
        end: (end) => void end.append('<!-- end -->', { html: true }),
      })
    const response = rewriter.transform(upstream)
    const headers = new Headers(response.headers)
    headers.set('content-security-policy', "script-src 'none'")
    headers.delete('x-powered-by')
    return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
  },
}
