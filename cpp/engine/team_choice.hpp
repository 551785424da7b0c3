// One worker or the team? Both train to the same bits, so the faster may be chosen by measuring. On a machine with other work to do
// a worker that lost its core keeps the rest waiting at every barrier: the team can then be many times slower than one worker.
#pragma once

#include <algorithm>

#include "core/types.hpp"

namespace steepest {

class TeamChoice {
public:
    struct Try {
        bool team;
        double seconds;  // to run before asking again; 0: until the caller's own budget ends
    };

    // `rows_per_second` of the last stretch with the team or without it.
    void note(bool team, double rows_per_second) {
        if (noted_++ >= kCold) rate_[team ? 1 : 0] = rows_per_second;
    }

    // Asked at the start of every stretch.
    Try next() {
        if (noted_ < 2 * kCold) return {noted_ % 2 == 0, kProbe};
        const bool team = rate_[1] >= rate_[0];
        if (team != team_) {
            // One bad stretch (another program had a core for a moment) is no reason yet: both are tried again before either may stay.
            team_ = team;
            left_ = 1;
            gap_ = kFirstGap;
            return {team, kProbe};
        }
        if (--left_ > 0) return {team, 0.0};
        left_ = gap_;
        gap_ = std::min(2 * gap_, kMostGap);
        return {!team, kProbe};
    }

private:
    // The first probe of each kind meets cold caches, new memory and threads asleep; it is not counted.
    static constexpr int kCold = 2;
    // A probe of 3 ms in about 30 stretches of 50 to 100 ms costs at most 0.2 % and notices a change within three seconds; the first
    // ones follow closer, so that a wrong start does not last.
    static constexpr double kProbe = 3e-3;
    static constexpr int kFirstGap = 2, kMostGap = 30;
    double rate_[2] = {0.0, 0.0};
    int noted_ = 0;
    bool team_ = true;
    int left_ = kFirstGap;  // stretches to the next probe
    int gap_ = kFirstGap;   // from that to the one after
};

}  // namespace steepest
