/** Claims keep two processes from doing the same work; results never depend on them. */
export interface Claim {
  release(): void;
}

export interface ClaimStore {
  /**
   * Waits until the claim is ours or `done()` says that the work was finished by its owner; resolves to undefined then.
   * A dead owner's claim is taken over. `onWait` is called once with the owner's description when waiting starts.
   */
  take(
    name: string,
    options: { done(): boolean; onWait(owner: string): void; signal: AbortSignal },
  ): Promise<Claim | undefined>;
}
