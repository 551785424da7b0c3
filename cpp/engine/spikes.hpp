// Leaps of the batch loss: a mean over about 8 steps against mean and deviation over about 128. A single odd batch moves the fast mean
// by an eighth and is no spike; neither is a change that is small beside the loss the training began with. What is usual is taken every
// 16 steps, so that a leap is not measured against a deviation that it has made itself.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace steepest {

struct SpikeEvent {
    std::uint64_t step;  // the first whose loss made the fast mean leap
    double loss;         // of its batch
    double usual;        // the slow mean before
    double peak;         // the largest fast mean until it was over
};

class SpikeDetector {
public:
    // What the next decision depends on; saved with a checkpoint, so that a training that goes on decides the same.
    struct State {
        double count = 0.0, fast = 0.0, slow = 0.0, variance = 0.0;
        double usual = 0.0, usual_variance = 0.0;  // slow mean and variance at the last look
        double scale = 0.0;                        // the loss of the first steps
        double leaping = 0.0;                      // 1 inside a spike
    };

    SpikeDetector() { events_.reserve(kMostEvents); }

    bool halting() const { return halting_; }
    void set_halting(bool halting) { halting_ = halting; }
    const State& state() const { return state_; }
    void set_state(const State& state) { state_ = state; }
    const std::vector<SpikeEvent>& events() const { return events_; }
    void forget_events() { events_.clear(); }

    bool leaps(double loss) const {
        if (state_.count < kWarmUp) return false;
        const double fast = state_.fast + kFast * (loss - state_.fast);
        const double rise = fast - state_.usual;
        return fast > kFactor * state_.usual && rise > kDeviations * std::sqrt(state_.usual_variance) &&
               rise > kShare * state_.scale;
    }

    void note(std::uint64_t step, double loss) {
        const bool leap = leaps(loss);
        State& s = state_;
        s.count += 1.0;
        s.fast += std::max(kFast, 1.0 / s.count) * (loss - s.fast);
        if (leap && s.leaping == 0.0 && events_.size() < kMostEvents) events_.push_back({step, loss, s.usual, s.fast});
        s.leaping = leap || (s.leaping != 0.0 && s.fast > kOver * s.usual) ? 1.0 : 0.0;
        if (s.leaping != 0.0 && !events_.empty()) events_.back().peak = std::max(events_.back().peak, s.fast);
        const double weight = std::max(kSlow, 1.0 / s.count);
        const double off = loss - s.slow;
        s.slow += weight * off;
        s.variance = (1.0 - weight) * (s.variance + weight * off * off);
        if (s.count <= kWarmUp) s.scale = std::abs(s.slow);
        if (s.count > kWarmUp && std::int64_t(s.count) % kLook != 0) return;
        s.usual = s.slow;
        s.usual_variance = s.variance;
    }

private:
    static constexpr double kFast = 1.0 / 8.0;
    static constexpr double kSlow = 1.0 / 128.0;
    static constexpr double kWarmUp = 8.0;
    static constexpr double kFactor = 2.0;
    static constexpr std::int64_t kLook = 16;
    static constexpr double kOver = 1.25;
    static constexpr double kDeviations = 6.0;
    static constexpr double kShare = 0.1;
    static constexpr std::size_t kMostEvents = 16;
    State state_;
    bool halting_ = false;
    std::vector<SpikeEvent> events_;
};

}  // namespace steepest
