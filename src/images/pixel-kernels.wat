;; The inner loops over pixels. All addresses are bytes of the one memory, all lengths and steps are counts unless they say bytes.
;; Sums are of 64 bits, what is kept of them of 32: the same bits on every machine.
(module
  (memory (export "memory") 1)

  ;; Rows mixed across, `rows` times.
  (func (export "mixAcross")
    (param $from i32) (param $rowBytes i32) (param $rows i32)
    (param $places i32) (param $weights i32) (param $taps i32) (param $to i32) (param $samples i32)
    (loop $row
      (call $mixRow
        (local.get $from) (local.get $places) (local.get $weights) (local.get $taps) (local.get $to) (local.get $samples))
      (local.set $from (i32.add (local.get $from) (local.get $rowBytes)))
      (local.set $to (i32.add (local.get $to) (i32.shl (local.get $samples) (i32.const 2))))
      (br_if $row (local.tee $rows (i32.sub (local.get $rows) (i32.const 1))))))

  ;; One row mixed across: to[i] = Σ weights[i·taps + t] · from[places[i·taps + t]], in float32.
  ;; from: uint8; places: int32, relative to `from`; weights: float64
  (func $mixRow
    (param $from i32) (param $places i32) (param $weights i32) (param $taps i32) (param $to i32) (param $samples i32)
    (local $end i32) (local $tap i32) (local $sum f64)
    (local.set $end (i32.add (local.get $to) (i32.shl (local.get $samples) (i32.const 2))))
    (loop $sample
      (local.set $sum (f64.const 0))
      (local.set $tap (local.get $taps))
      (loop $mix
        (local.set $sum
          (f64.add
            (local.get $sum)
            (f64.mul
              (f64.load (local.get $weights))
              (f64.convert_i32_u (i32.load8_u (i32.add (local.get $from) (i32.load (local.get $places))))))))
        (local.set $places (i32.add (local.get $places) (i32.const 4)))
        (local.set $weights (i32.add (local.get $weights) (i32.const 8)))
        (br_if $mix (local.tee $tap (i32.sub (local.get $tap) (i32.const 1)))))
      (f32.store (local.get $to) (f32.demote_f64 (local.get $sum)))
      (local.set $to (i32.add (local.get $to) (i32.const 4)))
      (br_if $sample (i32.lt_u (local.get $to) (local.get $end)))))

  ;; Rows mixed down, to as many as `count` says: each has `taps` addresses and weights of its own.
  (func (export "mixDown")
    (param $rows i32) (param $weights i32) (param $taps i32) (param $to i32) (param $samples i32) (param $count i32)
    (loop $row
      (call $mixRows (local.get $rows) (local.get $weights) (local.get $taps) (local.get $to) (local.get $samples))
      (local.set $rows (i32.add (local.get $rows) (i32.shl (local.get $taps) (i32.const 2))))
      (local.set $weights (i32.add (local.get $weights) (i32.shl (local.get $taps) (i32.const 3))))
      (local.set $to (i32.add (local.get $to) (local.get $samples)))
      (br_if $row (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))

  ;; Rows mixed down to one: to[i] = Σ weights[t] · float32 at rows[t] + 4·i, rounded to the even one of equals, and clamped to 0 … 255.
  ;; rows: int32 addresses; weights: float64; four samples at a time, so that up to three beyond the last are read and written
  (func $mixRows
    (param $rows i32) (param $weights i32) (param $taps i32) (param $to i32) (param $samples i32)
    (local $end i32) (local $at i32) (local $tap i32) (local $sum v128) (local $row v128) (local $weight v128)
    (local.set $end (i32.add (local.get $to) (local.get $samples)))
    (loop $sample
      (local.set $sum (v128.const f32x4 0 0 0 0))
      (local.set $tap (i32.const 0))
      (loop $mix
        (local.set $weight (v128.load64_splat (i32.add (local.get $weights) (i32.shl (local.get $tap) (i32.const 3)))))
        (local.set $row
          (v128.load
            (i32.add (i32.load (i32.add (local.get $rows) (i32.shl (local.get $tap) (i32.const 2)))) (local.get $at))))
        (local.set $sum
          (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
            (f32x4.demote_f64x2_zero
              (f64x2.add
                (f64x2.promote_low_f32x4 (local.get $sum))
                (f64x2.mul (local.get $weight) (f64x2.promote_low_f32x4 (local.get $row)))))
            (f32x4.demote_f64x2_zero
              (f64x2.add
                (f64x2.promote_low_f32x4
                  (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $sum) (local.get $sum)))
                (f64x2.mul
                  (local.get $weight)
                  (f64x2.promote_low_f32x4
                    (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $row) (local.get $row))))))))
        (br_if $mix
          (i32.lt_u (local.tee $tap (i32.add (local.get $tap) (i32.const 1))) (local.get $taps))))
      ;; Narrowing clamps: to 16 bits with a sign, then to 8 without.
      (local.set $sum (i32x4.trunc_sat_f32x4_s (f32x4.nearest (local.get $sum))))
      (local.set $sum (i16x8.narrow_i32x4_s (local.get $sum) (local.get $sum)))
      (v128.store32_lane 0 (local.get $to) (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $sample
        (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 4))) (local.get $end)))))

  ;; Gray pixels to three numbers each, by the tables of 256 float32 behind `tables`.
  (func (export "lookUpGray") (param $from i32) (param $pixels i32) (param $tables i32) (param $to i32)
    (local $end i32) (local $entry i32)
    (local.set $end (i32.add (local.get $from) (local.get $pixels)))
    (loop $pixel
      (local.set $entry (i32.add (local.get $tables) (i32.shl (i32.load8_u (local.get $from)) (i32.const 2))))
      (f32.store (local.get $to) (f32.load (local.get $entry)))
      (f32.store offset=4 (local.get $to) (f32.load offset=1024 (local.get $entry)))
      (f32.store offset=8 (local.get $to) (f32.load offset=2048 (local.get $entry)))
      (local.set $to (i32.add (local.get $to) (i32.const 12)))
      (br_if $pixel
        (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 1))) (local.get $end)))))

  ;; Pixels of three channels to three numbers each: the channels at $first, $second and $third (0 … 2) by the tables behind them.
  (func (export "lookUpColours")
    (param $from i32) (param $pixels i32) (param $first i32) (param $second i32) (param $third i32)
    (param $tables i32) (param $to i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $from) (i32.mul (local.get $pixels) (i32.const 3))))
    (loop $pixel
      (f32.store (local.get $to)
        (f32.load
          (i32.add
            (local.get $tables)
            (i32.shl (i32.load8_u (i32.add (local.get $from) (local.get $first))) (i32.const 2)))))
      (f32.store offset=4 (local.get $to)
        (f32.load offset=1024
          (i32.add
            (local.get $tables)
            (i32.shl (i32.load8_u (i32.add (local.get $from) (local.get $second))) (i32.const 2)))))
      (f32.store offset=8 (local.get $to)
        (f32.load offset=2048
          (i32.add
            (local.get $tables)
            (i32.shl (i32.load8_u (i32.add (local.get $from) (local.get $third))) (i32.const 2)))))
      (local.set $to (i32.add (local.get $to) (i32.const 12)))
      (br_if $pixel
        (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 3))) (local.get $end))))))
