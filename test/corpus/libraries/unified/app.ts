import hljs from 'highlight.js'
import rehypeStringify from 'rehype-stringify'
import remarkGfm from 'remark-gfm'
import remarkParse from 'remark-parse'
import remarkRehype from 'remark-rehype'
import { unified } from 'unified'
import { defineApp } from 'unmoor'

const processor = unified().use(remarkParse).use(remarkGfm).use(remarkRehype).use(rehypeStringify)

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const text = await request.text()
    switch (pathname) {
      case '/html':
        return new Response(String(await processor.process(text)), {
          headers: { 'content-type': 'text/html; charset=utf-8' },
        })
      case '/tree':
        return Response.json(unified().use(remarkParse).use(remarkGfm).parse(text))
      case '/auto': {
        const { language, relevance, value } = hljs.highlightAuto(text, ['json', 'python', 'typescript'])
        return Response.json({ language, relevance, value })
      }
      case '/languages':
        return Response.json(hljs.listLanguages().length)
      default:
        return new Response(hljs.highlight(text, { language: searchParams.get('language') ?? 'xml' }).value)
    }
  },
})
