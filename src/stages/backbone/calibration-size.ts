/** Images that the ranges of an int8 network are taken from. */
export const CALIBRATION_IMAGES = 64;
