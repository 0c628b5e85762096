export default {
  async fetch(request: Request, env: Record<string, unknown>): Promise<Response> {
    return Response.json(Object.keys(env))
  },
}
