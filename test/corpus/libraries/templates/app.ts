import MarkdownIt from 'markdown-it'
import { Marked, marked } from 'marked'
import Mustache from 'mustache'
import sanitizeHtml from 'sanitize-html'
import { defineApp } from 'unmoor'

const template = `Hello {{name}},{{#items}}
- {{title}}: {{{price}}}{{/items}}{{^items}} nothing{{/items}}{{>footer}}`
const html = (text: string): Response => new Response(text, { headers: { 'content-type': 'text/html' } })

export default defineApp({
  async fetch(request) {
    const text = await request.text()
    switch (new URL(request.url).pathname) {
      case '/mustache':
        return html(Mustache.render(template, JSON.parse(text), { footer: '\nBye {{name}}' }))
      case '/marked':
        return html(await marked.parse(text, { gfm: true }))
      case '/extended': {
        const own = new Marked({
          renderer: { heading: ({ tokens, depth }) => `<h${depth} id="x">${tokens.length}</h${depth}>` },
        })
        return html(await own.parse(text))
      }
      case '/markdown-it':
        return html(new MarkdownIt({ linkify: true, typographer: true }).render(text))
      default:
        return html(sanitizeHtml(text, { allowedTags: ['b', 'a'], allowedAttributes: { a: ['href'] } }))
    }
  },
})
