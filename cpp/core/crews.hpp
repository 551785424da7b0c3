// The team divided: crews of workers that do different things at the same time, each for a leader of its own. What a leader calls
// run_team() for is done by its crew, so what runs in a team runs in a crew as well, with the same bits.
#pragma once

#include <functional>

#include "core/team.hpp"

namespace steepest {

class Crew {
public:
    virtual ~Crew() = default;
    // run_team() of the leader: at most the crew's workers.
    virtual void run(int threads, const std::function<void(const Worker&)>& work) = 0;
    // The crew whose leader the calling thread is, or null.
    static Crew* of_this_thread();
};

// Divides `threads` workers into at most `crews` crews of about equal size and calls lead(number, size) on the leader of
// each; the caller leads crew 0. Where there are no workers (in a forked child, inside a parallel region) it alone is called, for a crew
// of one. A crew whose leader is busy otherwise sleeps. The first exception of any leader is
// thrown again when all have come to their end.
void run_crews(int threads, int crews, const std::function<void(int number, int size)>& lead);

}  // namespace steepest
