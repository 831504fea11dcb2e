/** An SVG line plot with logarithmic axes. */
export function logLogPlot(lines: Record<string, [number, number][]>, axes: { x: string; y: string }): string {
  const colours = ['#1b6ca8', '#d1495b', '#2e933c', '#edae49', '#6a4c93', '#444444', '#00798c', '#8d6a9f']
  const points = Object.values(lines).flat()
  const [left, right, top, bottom, width, height] = [70, 250, 20, 50, 900, 520]
  const range = (values: number[]) =>
    [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))] as const
  const [x0, x1] = range(points.map(([x]) => x))
  const [y0, y1] = range(points.map(([, y]) => y))
  const px = (x: number) => left + ((Math.log10(x) - x0) / (x1 - x0)) * (width - left - right)
  const py = (y: number) => height - bottom - ((Math.log10(y) - y0) / (y1 - y0)) * (height - top - bottom)
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
  ]
  for (let e = x0; e <= x1; e++)
    parts.push(
      `<path d="M${px(10 ** e)} ${top}V${height - bottom}" stroke="#ddd"/><text x="${px(10 ** e)}" y="${height - bottom + 18}" text-anchor="middle">${(10 ** e).toLocaleString('en')}</text>`,
    )
  for (let e = y0; e <= y1; e++)
    parts.push(
      `<path d="M${left} ${py(10 ** e)}H${width - right}" stroke="#ddd"/><text x="${left - 8}" y="${py(10 ** e) + 4}" text-anchor="end">${10 ** e}</text>`,
    )
  parts.push(
    `<text x="${(left + width - right) / 2}" y="${height - 12}" text-anchor="middle">${axes.x}</text><text transform="translate(16 ${height / 2}) rotate(-90)" text-anchor="middle">${axes.y}</text>`,
  )
  Object.entries(lines).forEach(([name, line], i) => {
    const colour = colours[i % colours.length]
    parts.push(
      `<path d="M${line.map(([x, y]) => `${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    )
    for (const [x, y] of line)
      parts.push(`<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3" fill="${colour}"/>`)
    parts.push(`<text x="${width - right + 14}" y="${top + 20 + 20 * i}" fill="${colour}">${name}</text>`)
  })
  return `${parts.join('\n')}\n</svg>\n`
}
