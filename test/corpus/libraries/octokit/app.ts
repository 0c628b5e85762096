import { Octokit } from '@octokit/rest'
import { defineApp, defineBindings, variable } from 'unmoor'

const bindings = defineBindings({ UPSTREAM_URL: variable() })
const repository = { owner: 'ada', repo: 'engine' }

export default defineApp({
  bindings,
  async fetch(request, env) {
    const octokit = new Octokit({
      baseUrl: env.UPSTREAM_URL,
      auth: 'token',
      userAgent: 'corpus/1',
      log: { debug() {}, info() {}, warn() {}, error() {} },
    })
    switch (new URL(request.url).pathname) {
      case '/repo': {
        const { data, status } = await octokit.rest.repos.get(repository)
        return Response.json({ status, data })
      }
      case '/all': {
        const issues = await octokit.paginate(octokit.rest.issues.listForRepo, { ...repository, per_page: 2 })
        return Response.json(issues.map(({ number }) => number))
      }
      case '/create': {
        const { data } = await octokit.rest.issues.create({ ...repository, title: 'Ä bug', labels: ['a'] })
        return Response.json(data)
      }
      case '/raw':
        return Response.json(
          (
            await octokit.request('GET /repos/{owner}/{repo}/contents/{path}', {
              ...repository,
              path: 'a/ä.md',
            })
          ).data,
        )
      default:
        try {
          await octokit.rest.repos.get({ owner: 'ada', repo: 'none' })
          return new Response('found')
        } catch (error) {
          const { name, status, message } = error as Error & { status: number }
          return Response.json({ name, status, message }, { status: 404 })
        }
    }
  },
})
