// Where the reader looks at the map: the view, its limits, and flights from one view to another.

/** A point p of the map is drawn at `scale × p + (left, top)`, in CSS pixels. */
export interface View {
  readonly scale: number
  readonly left: number
  readonly top: number
}

export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** A place to look at, in units of the map. */
export interface Looking {
  readonly x: number
  readonly y: number
  /** 1 shows all of the map. */
  readonly zoom: number
}

interface Point {
  readonly x: number
  readonly y: number
}

/** Duration of a flight. */
export const flightMs = 380
const mapSize = 10_000
/** Share of a topic's papers, at each side, that may stay out of view when the topic is shown. */
const strays = 0.04

export const isApart = (a: Box, b: Box) => a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top

export class Camera {
  readonly #x: Float32Array
  readonly #y: Float32Array
  readonly #bounds: Box
  readonly #onChange: () => void
  #width = 0
  #height = 0
  #ratio = 1
  #view: View = { scale: 1, left: 0, top: 0 }
  /** Scale that shows all of the map. */
  #fitted = 1
  #isFitted = true
  #flight = 0
  /** Pixels at the right and at the bottom that something covers. */
  covered: { readonly right: number; readonly bottom: number } = { right: 0, bottom: 0 }

  /**
   * @param places coordinates of the papers
   * @param outlines SVG paths that belong to the map too
   */
  constructor(
    places: { readonly x: Float32Array; readonly y: Float32Array },
    outlines: readonly string[],
    onChange: () => void = () => {},
  ) {
    this.#x = places.x
    this.#y = places.y
    this.#bounds = this.#boundsOfAll(outlines)
    this.#onChange = onChange
  }

  get view(): View {
    return this.#view
  }

  /** CSS pixels, including what is covered. */
  get width(): number {
    return this.#width
  }

  get height(): number {
    return this.#height
  }

  /** Device pixels per CSS pixel. */
  get ratio(): number {
    return this.#ratio
  }

  /** CSS pixels that nothing covers. */
  get free(): { readonly width: number; readonly height: number } {
    return { width: this.#width - this.covered.right, height: this.#height - this.covered.bottom }
  }

  /** How much larger than a view of the whole map. */
  get zoom(): number {
    return this.#view.scale / this.#fitted
  }

  /** Where the reader looks; undefined for the whole map. */
  get looking(): Looking | undefined {
    if (this.#isFitted) return undefined
    const { x, y } = this.middle(this.free)
    return { x, y, zoom: this.#view.scale / this.#fit().scale }
  }

  /** The point of the map in the middle of a size. */
  middle({ width, height }: { readonly width: number; readonly height: number } = this): Point {
    const { scale, left, top } = this.#view
    return { x: (width / 2 - left) / scale, y: (height / 2 - top) / scale }
  }

  /** The place of a paper on the screen. */
  at(row: number): [x: number, y: number] {
    const { scale, left, top } = this.#view
    return [scale * this.#x[row]! + left, scale * this.#y[row]! + top]
  }

  /** Takes a new size; returns false if it is the current one. The middle stays in the middle, a whole map stays whole. */
  resize(width: number, height: number, ratio: number): boolean {
    if (width === this.#width && height === this.#height && ratio === this.#ratio) return false
    const { scale, left, top } = this.#view
    const kept = { scale, left: left + (width - this.#width) / 2, top: top + (height - this.#height) / 2 }
    this.#width = width
    this.#height = height
    this.#ratio = ratio
    const whole = this.#fit()
    this.#fitted = whole.scale
    this.#view = this.#isFitted ? whole : kept
    return true
  }

  /** Shows all of the map. */
  showAll(): void {
    this.#flyTo(this.#fit())
  }

  lookAt({ x, y, zoom }: Looking): void {
    this.#centre({ x, y }, this.#limited(zoom * this.#fit().scale))
  }

  /** Zooms by a factor, by default around the middle. */
  zoomBy(factor: number, { x, y }: Point = { x: this.#width / 2, y: this.#height / 2 }): void {
    this.#flyTo(zoomed(this.#view, this.#limited(this.#view.scale * factor), { x, y }))
  }

  /** Moves the view by pixels. */
  shiftBy(x: number, y: number): void {
    this.#flyTo({ ...this.#view, left: this.#view.left - x, top: this.#view.top - y })
  }

  /** Follows a gesture without a flight: what was at `from` moves to `to` and grows by a factor. */
  drag(from: Point, to: Point, factor: number): void {
    this.stop()
    this.#isFitted = false
    const { scale, left, top } = zoomed(this.#view, this.#limited(this.#view.scale * factor), from)
    this.#place({ scale, left: left + to.x - from.x, top: top + to.y - from.y })
  }

  /** Brings papers into view, as large as possible; ignores strays among more than 20. */
  reveal(rows: readonly number[]): void {
    if (rows.length > 0) this.#flyTo(this.#fit(rows, rows.length > 20 ? strays : 0))
  }

  /** Brings a paper and most of its kin into view, unless they are there or too far apart. */
  follow(row: number, kin: readonly number[] = []): void {
    const inView = kin.filter((other) => this.#isInView(other, 0)).length
    if (this.#isInView(row, 60) && inView >= 0.75 * kin.length) return
    const { scale } = this.#view
    const whole = this.#fit([row, ...kin])
    const goal = Math.max(scale / 4, Math.min(scale, whole.scale))
    if (kin.length > 0 && goal === whole.scale) this.#flyTo(whole)
    else this.#centre({ x: this.#x[row]!, y: this.#y[row]! }, goal)
  }

  /** Brings papers into view if most of them are outside. */
  gather(rows: readonly number[]): void {
    let inside = 0
    for (const row of rows) if (this.#isInView(row, 0)) inside++
    if (inside < rows.length / 2) this.reveal(rows)
  }

  /** Ends a flight. */
  stop(): void {
    cancelAnimationFrame(this.#flight)
    this.#flight = 0
  }

  #place(view: View): void {
    this.#view = view
    this.#onChange()
  }

  #limited(scale: number): number {
    return Math.max(this.#fitted * 0.5, Math.min(this.#fitted * 400, scale))
  }

  #centre({ x, y }: Point, scale: number): void {
    const { width, height } = this.free
    this.#flyTo({ scale, left: width / 2 - scale * x, top: height / 2 - scale * y })
  }

  #flyTo(goal: View): void {
    this.stop()
    const whole = this.#fit()
    this.#isFitted = Math.abs(goal.scale / whole.scale - 1) < 1e-6 && Math.abs(goal.left - whole.left) < 0.5
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      this.#place(goal)
      return
    }
    const start = performance.now()
    const viewAt = flight(this.#view, goal, { x: this.#width / 2, y: this.#height / 2 })
    const step = () => {
      const time = Math.min(1, (performance.now() - start) / flightMs)
      this.#place(viewAt(1 - (1 - time) ** 3))
      this.#flight = time < 1 ? requestAnimationFrame(step) : 0
    }
    step()
  }

  /** The view that fits rows, or all of the map, into the free part. */
  #fit(rows?: readonly number[], share = 0): View {
    const { left, top, right, bottom } = rows === undefined ? this.#bounds : this.#boundsOf(rows, share)
    const { width, height } = this.free
    const margin = Math.min(rows === undefined ? 28 : 70, width / 9, height / 9)
    const least = mapSize / 40
    const scale = Math.min(
      (width - 2 * margin) / Math.max(least, right - left),
      (height - 2 * margin) / Math.max(least, bottom - top),
    )
    return {
      scale,
      left: width / 2 - (scale * (left + right)) / 2,
      top: height / 2 - (scale * (top + bottom)) / 2,
    }
  }

  /** The box around rows, without a share of them at each side. */
  #boundsOf(rows: readonly number[], share = 0): Box {
    if (rows.length === 0) return { left: mapSize / 2, top: mapSize / 2, right: mapSize / 2, bottom: mapSize / 2 }
    const x = Float32Array.from(rows, (row) => this.#x[row]!).sort()
    const y = Float32Array.from(rows, (row) => this.#y[row]!).sort()
    const first = Math.floor(share * rows.length)
    const last = rows.length - 1 - first
    return { left: x[first]!, top: y[first]!, right: x[last]!, bottom: y[last]! }
  }

  #boundsOfAll(outlines: readonly string[]): Box {
    let { left, top, right, bottom } = this.#boundsOf([...this.#x.keys()])
    for (const outline of outlines)
      for (const [, x, y] of outline.matchAll(/(-?\d+) (-?\d+)/gu)) {
        left = Math.min(left, Number(x))
        right = Math.max(right, Number(x))
        top = Math.min(top, Number(y))
        bottom = Math.max(bottom, Number(y))
      }
    return { left, top, right, bottom }
  }

  /** Whether a paper is in the free part, `margin` pixels (at most a quarter) away from its edges. */
  #isInView(row: number, margin: number): boolean {
    const [x, y] = this.at(row)
    const { width, height } = this.free
    const [marginX, marginY] = [Math.min(margin, width / 4), Math.min(margin, height / 4)]
    return x > marginX && y > marginY && x < width - marginX && y < height - marginY
  }
}

/** The view at `scale` that keeps the screen point (x, y) in place. */
function zoomed(view: View, scale: number, { x, y }: Point): View {
  const factor = scale / view.scale
  return { scale, left: x - factor * (x - view.left), top: y - factor * (y - view.top) }
}

/** Views between two, by a share of 0 … 1: the middle moves evenly, the scale grows by even factors. */
function flight(from: View, to: View, middle: Point): (share: number) => View {
  const fromX = (middle.x - from.left) / from.scale
  const fromY = (middle.y - from.top) / from.scale
  const toX = (middle.x - to.left) / to.scale
  const toY = (middle.y - to.top) / to.scale
  return (share) => {
    const scale = from.scale * (to.scale / from.scale) ** share
    const x = fromX + (toX - fromX) * share
    const y = fromY + (toY - fromY) * share
    return share >= 1 ? to : { scale, left: middle.x - scale * x, top: middle.y - scale * y }
  }
}
