/** Raised when the golden pixel vectors move: part of every row space. Apart from the decoder, since every plan needs it. */
export const DECODER_VERSION = 2;
