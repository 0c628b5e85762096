/** @type {import('next').NextConfig} */
export default {
  images: { unoptimized: true },
  redirects: () => [{ source: '/old', destination: '/about', permanent: true }],
  rewrites: () => [{ source: '/news/:slug', destination: '/posts/:slug' }],
  headers: () => [{ source: '/api/:path*', headers: [{ key: 'x-served-by', value: 'next' }] }],
}
