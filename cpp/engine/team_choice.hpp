// One worker or the team? Both train to the same bits, so the faster may be chosen by measuring. On a machine with other work to do
// a worker that lost its core keeps the rest waiting at every barrier: the team can then be many times slower than one worker.
#pragma once

#include "core/types.hpp"

namespace steepest {

class TeamChoice {
public:
    struct Try {
        bool team;
        double seconds;  // to run before asking again; 0: until the caller's own budget ends
    };

    // `rows_per_second` of the last stretch with the team or without it.
    void note(bool team, double rows_per_second) { rate_[team ? 1 : 0] = rows_per_second; }

    // Asked at the start of every stretch.
    Try next() {
        if (rate_[1] == 0.0) return {true, kProbe};
        if (rate_[0] == 0.0) return {false, kProbe};
        const bool team = rate_[1] >= rate_[0];
        if (++stretches_ % kProbeEvery == 0) return {!team, kProbe};
        return {team, 0.0};
    }

private:
    // A probe of 3 ms in about 30 stretches of 50 to 100 ms costs at most 0.2 % and notices a change within three seconds.
    static constexpr double kProbe = 3e-3;
    static constexpr int kProbeEvery = 30;
    double rate_[2] = {0.0, 0.0};
    int stretches_ = 0;
};

}  // namespace steepest
