// Points are written into a pixel buffer, which takes a few milliseconds for 40,000 of them, with or without a graphics
// card. The coverage of a disc is computed once for each of 16 positions within a pixel.
import type { View } from './camera.ts'

/** Positions within a pixel, along each side. */
const steps = 4

interface Stamp {
  readonly size: number
  /** `size × size` coverages, 0 … 255. */
  readonly cover: Uint8Array
}

interface PointStyle {
  /** In CSS pixels. */
  readonly radius: number
  /** 0 … 1; below 1, overlapping points get darker. */
  readonly opacity: number
  /** For each row, the position of its colour in `inks`. */
  readonly inkOf: Uint8Array
  /** `#rrggbb`. */
  readonly inks: readonly string[]
  /** Rows with 0 are drawn first, smaller and in the colour `faded`. */
  readonly shown: Uint8Array
  readonly faded: string
}

export class PointLayer {
  readonly canvas = document.createElement('canvas')
  readonly #context = this.canvas.getContext('2d') as CanvasRenderingContext2D
  readonly #x: Float32Array
  readonly #y: Float32Array
  #pixels = new ImageData(1, 1)
  #words = new Uint32Array(this.#pixels.data.buffer)

  constructor(x: Float32Array, y: Float32Array) {
    this.#x = x
    this.#y = y
  }

  resize(width: number, height: number): void {
    this.canvas.width = width
    this.canvas.height = height
    this.#pixels = new ImageData(width, height)
    this.#words = new Uint32Array(this.#pixels.data.buffer)
  }

  /** Draws the points in a view, with `ratio` device pixels per CSS pixel. */
  paint(view: View, ratio: number, { radius, opacity, inkOf, inks, shown, faded }: PointStyle): void {
    this.#words.fill(0)
    const colours = Uint32Array.from(inks, packedColour)
    const faint = packedColour(faded)
    if (shown.includes(0))
      this.#stampAll(view, ratio, { radius: 0.8 * radius, opacity, shown, taken: 0, inkOf: () => faint })
    this.#stampAll(view, ratio, { radius, opacity, shown, taken: 1, inkOf: (row) => colours[inkOf[row]!]! })
    this.#context.putImageData(this.#pixels, 0, 0)
  }

  /** Draws the rows with `shown` equal to `taken`. */
  #stampAll(
    view: View,
    ratio: number,
    {
      radius,
      opacity,
      shown,
      taken,
      inkOf,
    }: {
      readonly radius: number
      readonly opacity: number
      readonly shown: Uint8Array
      readonly taken: number
      readonly inkOf: (row: number) => number
    },
  ): void {
    const [x, y, words] = [this.#x, this.#y, this.#words]
    const { width, height } = this.#pixels
    const stamps = stampsOf(radius * ratio, opacity)
    const { size } = stamps[0]!
    const scale = view.scale * ratio
    const left = view.left * ratio - size / 2
    const top = view.top * ratio - size / 2
    for (let row = 0; row < x.length; row++) {
      if (shown[row] !== taken) continue
      const startX = scale * x[row]! + left
      const startY = scale * y[row]! + top
      const pixelX = Math.floor(startX)
      const pixelY = Math.floor(startY)
      if (pixelX <= -size || pixelY <= -size || pixelX >= width || pixelY >= height) continue
      const { cover } = stamps[(((startY - pixelY) * steps) | 0) * steps + (((startX - pixelX) * steps) | 0)]!
      const ink = inkOf(row)
      const fromX = Math.max(0, -pixelX)
      const toX = Math.min(size, width - pixelX)
      const toY = Math.min(size, height - pixelY)
      for (let stampY = Math.max(0, -pixelY); stampY < toY; stampY++) {
        const line = (pixelY + stampY) * width + pixelX
        for (let stampX = fromX; stampX < toX; stampX++) {
          const share = cover[stampY * size + stampX]!
          if (share === 0) continue
          const at = line + stampX
          words[at] = share === 255 ? ink : mixed(words[at]!, ink, share)
        }
      }
    }
  }
}

/** Stamps of a disc for each position of its centre within a pixel. */
function stampsOf(radius: number, opacity: number): readonly Stamp[] {
  const size = Math.ceil(2 * radius + 2.75)
  const stamps: Stamp[] = []
  for (let place = 0; place < steps * steps; place++) {
    const middleX = size / 2 + ((place % steps) + 0.5) / steps
    const middleY = size / 2 + (Math.floor(place / steps) + 0.5) / steps
    const cover = new Uint8Array(size * size)
    for (let i = 0; i < cover.length; i++) {
      const away = Math.hypot((i % size) + 0.5 - middleX, Math.floor(i / size) + 0.5 - middleY)
      cover[i] = 255 * opacity * Math.max(0, Math.min(1, radius + 0.5 - away))
    }
    stamps.push({ size, cover })
  }
  return stamps
}

/** `#rrggbb` as the little-endian word of an opaque pixel. */
function packedColour(hex: string): number {
  const value = Number.parseInt(hex.slice(1), 16)
  return ((0xff << 24) | ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16)) >>> 0
}

/** Blends an opaque colour over a pixel, with a share of 0 … 255. */
function mixed(under: number, over: number, share: number): number {
  const below = under >>> 24
  if (below === 0) return ((over & 0xffffff) | (share << 24)) >>> 0
  const alpha = below + share - ((below * share) >> 8)
  const part = ((256 * share) / alpha) | 0
  // Red and blue at once: they are 16 bits apart.
  const redBlue = ((under & 0xff00ff) * (256 - part) + (over & 0xff00ff) * part) / 256
  const green = ((under & 0xff00) * (256 - part) + (over & 0xff00) * part) / 256
  return ((Math.min(255, alpha) << 24) | (redBlue & 0xff00ff) | (green & 0xff00)) >>> 0
}
