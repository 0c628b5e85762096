import { index, route, type RouteConfig } from '@react-router/dev/routes'

export default [
  index('routes/home.tsx'),
  route('posts/:slug', 'routes/post.tsx'),
  route('notes', 'routes/notes.tsx'),
  route('late', 'routes/late.tsx'),
  route('old', 'routes/old.ts'),
  route('api/echo', 'routes/echo.ts'),
] satisfies RouteConfig
