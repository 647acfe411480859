//! The line search of Moré and Thuente: finds a step that satisfies the strong Wolfe conditions.
//!
//! Method: J. J. Moré and D. J. Thuente, "Line search algorithms with guaranteed sufficient decrease", ACM TOMS 20
//! (1994), in the form of MINPACK-2's `dcsrch` and `dcstep`, which SciPy's L-BFGS-B also uses. The constants are
//! those of L-BFGS-B, so that both take the same steps.

/// Share of the predicted decrease that a step has to reach.
const SUFFICIENT_DECREASE: f64 = 1e-3;
/// Share of the initial slope that may be left at an accepted step.
const CURVATURE: f64 = 0.9;
/// Relative width of the interval below which the search gives up.
const INTERVAL_TOLERANCE: f64 = 0.1;
/// No step is longer than this.
const MAX_STEP: f64 = 1e10;

/// Value and slope of the function along the search direction, at one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) step: f64,
    pub(crate) value: f64,
    pub(crate) slope: f64,
}

impl Trial {
    /// Subtracts the line of sufficient decrease (the auxiliary function of the first stage).
    fn tilted(self, slope: f64) -> Self {
        Self { step: self.step, value: self.value - self.step * slope, slope: self.slope - slope }
    }
}

/// What to do after a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Advice {
    /// Evaluate the function at this step and come again.
    Try(f64),
    /// The last trial is the answer, or the best that rounding permits.
    Accept,
}

/// The state of one search.
#[derive(Debug)]
pub(crate) struct LineSearch {
    start: Trial,
    required_slope: f64,
    /// The best trial so far, and the other end of the interval that holds a minimum.
    best: Trial,
    other: Trial,
    bracketed: bool,
    first_stage: bool,
    shortest: f64,
    longest: f64,
    width: f64,
    previous_width: f64,
}

impl LineSearch {
    /// Begins a search at `value` with a negative `slope`; `step` is the first trial.
    pub(crate) fn new(value: f64, slope: f64, step: f64) -> Self {
        let start = Trial { step: 0.0, value, slope };
        Self {
            start,
            required_slope: SUFFICIENT_DECREASE * slope,
            best: start,
            other: start,
            bracketed: false,
            first_stage: true,
            shortest: 0.0,
            longest: 5.0 * step,
            width: MAX_STEP,
            previous_width: 2.0 * MAX_STEP,
        }
    }

    /// Takes note of a trial and says what to do next.
    pub(crate) fn advise(&mut self, trial: Trial) -> Advice {
        let enough = self.start.value + trial.step * self.required_slope;
        if self.first_stage && trial.value <= enough && trial.slope >= 0.0 {
            self.first_stage = false;
        }
        if self.is_finished(trial, enough) {
            return Advice::Accept;
        }
        let step = if self.first_stage && trial.value <= self.best.value && trial.value > enough {
            self.narrow(trial, self.required_slope)
        } else {
            self.narrow(trial, 0.0)
        };
        Advice::Try(self.safeguard(step))
    }

    fn is_finished(&self, trial: Trial, enough: f64) -> bool {
        let stuck = self.bracketed
            && (trial.step <= self.shortest
                || trial.step >= self.longest
                || self.longest - self.shortest <= INTERVAL_TOLERANCE * self.longest);
        let at_limit = trial.step >= MAX_STEP && trial.value <= enough && trial.slope <= self.required_slope;
        let vanished = trial.step <= 0.0 && (trial.value > enough || trial.slope >= self.required_slope);
        let satisfied = trial.value <= enough && trial.slope.abs() <= CURVATURE * -self.start.slope;
        stuck || at_limit || vanished || satisfied
    }

    /// Updates the interval by the trial and returns the next step, working on the function less a line of `tilt`.
    fn narrow(&mut self, trial: Trial, tilt: f64) -> f64 {
        let (best, other, current) = (self.best.tilted(tilt), self.other.tilted(tilt), trial.tilted(tilt));
        let (step, bracketed) = self.interpolate(best, other, current);
        if current.value > best.value {
            self.other = trial;
        } else {
            if current.slope.signum() * best.slope.signum() < 0.0 && current.slope != 0.0 {
                self.other = self.best;
            }
            self.best = trial;
        }
        self.bracketed = bracketed;
        step
    }

    /// Chooses a step by cubic and quadratic interpolation; also says whether a minimum is now bracketed.
    fn interpolate(&self, best: Trial, other: Trial, current: Trial) -> (f64, bool) {
        let opposite = current.slope * best.slope.signum() < 0.0;
        let nearer_to = |target: f64, a: f64, b: f64| if (a - target).abs() < (b - target).abs() { a } else { b };
        let farther_from = |target: f64, a: f64, b: f64| if (a - target).abs() > (b - target).abs() { a } else { b };
        let secant = |from: Trial| from.step + from.slope / (from.slope - best.slope) * (best.step - from.step);
        if current.value > best.value {
            // Higher value: the minimum lies between; the cubic step if it is nearer to the best, else the mean.
            let cubic = cubic_minimum(best, current, current.step < best.step);
            let chord = (best.value - current.value) / (current.step - best.step) + best.slope;
            let quadratic = best.step + best.slope / chord / 2.0 * (current.step - best.step);
            let near = (cubic - best.step).abs() <= (quadratic - best.step).abs();
            (if near { cubic } else { cubic + (quadratic - cubic) / 2.0 }, true)
        } else if opposite {
            // Lower value, slopes of opposite sign: the minimum lies between.
            let cubic = cubic_minimum(current, best, current.step > best.step);
            (farther_from(current.step, cubic, secant(current)), true)
        } else if current.slope.abs() < best.slope.abs() {
            // Lower value, same sign, flatter: the cubic may have no minimum in this direction.
            let cubic = self.extrapolate(best, current);
            let quadratic = secant(current);
            if self.bracketed {
                let limit = current.step + 0.66 * (other.step - current.step);
                let step = nearer_to(current.step, cubic, quadratic);
                (if current.step > best.step { step.min(limit) } else { step.max(limit) }, true)
            } else {
                let step = farther_from(current.step, cubic, quadratic);
                (step.max(self.shortest).min(self.longest), false)
            }
        } else if self.bracketed {
            (cubic_minimum(current, other, current.step > other.step), true)
        } else if current.step > best.step {
            (self.longest, false)
        } else {
            (self.shortest, false)
        }
    }

    fn extrapolate(&self, best: Trial, current: Trial) -> f64 {
        let theta = 3.0 * (best.value - current.value) / (current.step - best.step) + best.slope + current.slope;
        let scale = theta.abs().max(best.slope.abs()).max(current.slope.abs());
        let squared = (theta / scale).powi(2) - (best.slope / scale) * (current.slope / scale);
        let gamma = scale * squared.max(0.0).sqrt() * if current.step > best.step { -1.0 } else { 1.0 };
        let ratio = ((gamma - current.slope) + theta) / ((gamma + (best.slope - current.slope)) + gamma);
        if ratio < 0.0 && gamma != 0.0 {
            current.step + ratio * (best.step - current.step)
        } else if current.step > best.step {
            self.longest
        } else {
            self.shortest
        }
    }

    /// Bisects where the interval shrinks too slowly, and keeps the step inside the bounds.
    fn safeguard(&mut self, step: f64) -> f64 {
        let mut step = step;
        if self.bracketed {
            let width = (self.other.step - self.best.step).abs();
            if width >= 0.66 * self.previous_width {
                step = self.best.step + 0.5 * (self.other.step - self.best.step);
            }
            self.previous_width = self.width;
            self.width = width;
            self.shortest = self.best.step.min(self.other.step);
            self.longest = self.best.step.max(self.other.step);
        } else {
            self.shortest = step + 1.1 * (step - self.best.step);
            self.longest = step + 4.0 * (step - self.best.step);
        }
        step = step.clamp(0.0, MAX_STEP);
        let stuck = self.bracketed
            && (step <= self.shortest
                || step >= self.longest
                || self.longest - self.shortest <= INTERVAL_TOLERANCE * self.longest);
        // Rounding can make an interpolation NaN: the best trial is as far as one gets then, too.
        if stuck || step.is_nan() { self.best.step } else { step }
    }
}

/// Returns the minimum of the cubic through two trials, seen from `from`.
fn cubic_minimum(from: Trial, to: Trial, negative_root: bool) -> f64 {
    let theta = 3.0 * (from.value - to.value) / (to.step - from.step) + from.slope + to.slope;
    let scale = theta.abs().max(from.slope.abs()).max(to.slope.abs());
    let root = ((theta / scale).powi(2) - (from.slope / scale) * (to.slope / scale)).sqrt();
    let gamma = if negative_root { -scale * root } else { scale * root };
    let ratio = ((gamma - from.slope) + theta) / (((gamma - from.slope) + gamma) + to.slope);
    from.step + ratio * (to.step - from.step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(function: impl Fn(f64) -> (f64, f64), first: f64) -> Trial {
        let (value, slope) = function(0.0);
        let mut search = LineSearch::new(value, slope, first);
        let mut step = first;
        for _ in 0..50 {
            let (value, slope) = function(step);
            let trial = Trial { step, value, slope };
            match search.advise(trial) {
                Advice::Try(next) => step = next,
                Advice::Accept => return trial,
            }
        }
        panic!("no step found");
    }

    /// A function of the article and simpler ones, from first steps that differ by orders of magnitude.
    #[test]
    fn accepted_steps_satisfy_the_strong_wolfe_conditions() {
        type Function = fn(f64) -> (f64, f64);
        let functions: [Function; 3] = [
            |a| (-a / (a * a + 2.0), (a * a - 2.0) / (a * a + 2.0).powi(2)),
            |a| ((a - 3.0).powi(2), 2.0 * (a - 3.0)),
            |a| ((-a).exp() + 0.1 * a, 0.1 - (-a).exp()),
        ];
        for (index, function) in functions.iter().enumerate() {
            let (value, slope) = function(0.0);
            for first in [1e-3, 0.1, 1.0, 10.0, 1e3] {
                let trial = search(function, first);
                assert!(
                    trial.value <= value + SUFFICIENT_DECREASE * trial.step * slope,
                    "{index} from {first}: {trial:?}"
                );
                assert!(trial.slope.abs() <= CURVATURE * slope.abs(), "{index} from {first}: {trial:?}");
            }
        }
    }
}
