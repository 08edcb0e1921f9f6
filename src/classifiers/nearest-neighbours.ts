/**
 * k nearest neighbours, exactly: products of float32 tell which rows may be among them, distances of float64 which are.
 * Probabilities are the shares of the votes, as scikit-learn's `KNeighborsClassifier.predict_proba` counts them.
 */
export const metrics = ['euclidean', 'cosine'] as const;
export const voteWeights = ['uniform', 'distance'] as const;

export interface NeighboursSettings {
  /** Neighbours that vote. */
  readonly k: number;
  readonly metric: (typeof metrics)[number];
  /** `uniform`: one vote each. `distance`: 1 / distance; neighbours at no distance outvote all others. */
  readonly weights: (typeof voteWeights)[number];
}

export interface KnownRows {
  /** `[count × width]` */
  readonly numbers: Float32Array;
  readonly labels: Int32Array;
  readonly width: number;
}

export class NearestNeighbours {
  readonly #settings: NeighboursSettings;
  readonly #known: KnownRows;
  readonly #classes: number;
  /** ‖x‖² a row. */
  readonly #squares: Float64Array;
  readonly #approximate: Float64Array;

  constructor(settings: NeighboursSettings, known: KnownRows, classes: number) {
    this.#settings = settings;
    this.#known = known;
    this.#classes = classes;
    const { numbers, labels, width } = known;
    this.#squares = Float64Array.from(labels, (_, row) => squareOf(numbers, row * width, width));
    this.#approximate = new Float64Array(labels.length);
  }

  /**
   * Votes for one row.
   * @param query `[width]`
   * @param products float32 products of the query with every known row
   * @param votes `[classes]`, filled with shares that add up to 1
   */
  vote(query: Float32Array, products: Float32Array, votes: Float32Array): void {
    const nearest = this.#nearest(query, products);
    const sums = new Float64Array(this.#classes);
    const here = this.#settings.weights === 'distance' && nearest.some(({ distance }) => distance === 0);
    for (const { row, distance } of nearest) {
      const label = this.#known.labels[row] ?? 0;
      const weight = this.#settings.weights === 'uniform' ? 1 : here ? Number(distance === 0) : 1 / distance;
      sums[label] = (sums[label] ?? 0) + weight;
    }
    const total = sums.reduce((a, b) => a + b, 0);
    for (let c = 0; c < this.#classes; c++) votes[c] = (sums[c] ?? 0) / total;
  }

  /** The k nearest rows; of equally near ones those that stand first. */
  #nearest(
    query: Float32Array,
    products: Float32Array,
  ): readonly { readonly row: number; readonly distance: number }[] {
    const { labels, width } = this.#known;
    const square = squareOf(query, 0, width);
    const far = this.#approximate;
    // Rounding of a float32 sum, whatever its order: width · 2⁻²⁴ of the sizes, twice over.
    const share = 2 * width * 2 ** -24;
    let doubt = 0;
    for (let row = 0; row < labels.length; row++) {
      const other = this.#squares[row] ?? 0;
      const size = Math.sqrt(square * other);
      const product = products[row] ?? 0;
      if (this.#settings.metric === 'euclidean') {
        far[row] = square + other - 2 * product;
        doubt = Math.max(doubt, 2 * share * size);
      } else far[row] = size === 0 ? 1 : 1 - product / size;
    }
    if (this.#settings.metric === 'cosine') doubt = share;
    const limit = kthSmallest(far, this.#settings.k) + 2 * doubt;
    const candidates: { row: number; distance: number }[] = [];
    for (let row = 0; row < labels.length; row++)
      if ((far[row] ?? 0) <= limit) candidates.push({ row, distance: this.#distance(query, square, row) });
    return candidates.sort((a, b) => a.distance - b.distance || a.row - b.row).slice(0, this.#settings.k);
  }

  #distance(query: Float32Array, square: number, row: number): number {
    const { numbers, width } = this.#known;
    const at = row * width;
    if (this.#settings.metric === 'euclidean') {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += ((query[j] ?? 0) - (numbers[at + j] ?? 0)) ** 2;
      return Math.sqrt(sum);
    }
    let product = 0;
    for (let j = 0; j < width; j++) product += (query[j] ?? 0) * (numbers[at + j] ?? 0);
    const size = Math.sqrt(square * (this.#squares[row] ?? 0));
    const distance = size === 0 ? 1 : 1 - product / size;
    return Math.min(2, Math.max(0, distance < 4 * Number.EPSILON ? 0 : distance));
  }
}

function squareOf(numbers: Float32Array, at: number, width: number): number {
  let sum = 0;
  for (let j = 0; j < width; j++) sum += (numbers[at + j] ?? 0) ** 2;
  return sum;
}

/** The k-th smallest number (k from 1), by a heap of the k smallest so far. */
function kthSmallest(numbers: Float64Array, k: number): number {
  const heap = numbers.slice(0, k);
  const sink = (from: number) => {
    for (let at = from; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let most = at;
      if (left < k && (heap[left] ?? 0) > (heap[most] ?? 0)) most = left;
      if (right < k && (heap[right] ?? 0) > (heap[most] ?? 0)) most = right;
      if (most === at) return;
      [heap[at], heap[most]] = [heap[most] ?? 0, heap[at] ?? 0];
      at = most;
    }
  };
  for (let at = (k >> 1) - 1; at >= 0; at--) sink(at);
  for (let i = k; i < numbers.length; i++) {
    if ((numbers[i] ?? 0) >= (heap[0] ?? 0)) continue;
    heap[0] = numbers[i] ?? 0;
    sink(0);
  }
  return heap[0] ?? Number.POSITIVE_INFINITY;
}
