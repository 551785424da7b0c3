#include "bindings/pybind11.hpp"

#include <exception>
#include <memory>
#include <unordered_map>

#include "bindings/data.hpp"
#include "bindings/register.hpp"
#include "bindings/train_call.hpp"
#include "core/check.hpp"
#include "core/float_mode.hpp"
#include "engine/shared_rows.hpp"
#include "engine/together.hpp"
#include "engine/workers.hpp"

namespace steepest {

namespace {

// A task with its result, and with what it points into.
class PythonTask : public Task {
public:
    explicit PythonTask(py::tuple kept) : kept_(std::move(kept)) {}

    void run(int threads, double seconds, const std::atomic<bool>& leave) override {
        try {
            result_ = work(threads, seconds, leave);
        } catch (...) {
            error_ = std::current_exception();
        }
        done_ = true;
    }
    bool done() const { return done_; }
    RunResult result() const {
        require(done_, "task: has not been run");
        if (error_) std::rethrow_exception(error_);
        return result_;
    }

protected:
    const RunResult& result_of_run() const { return result_; }
    virtual RunResult work(int threads, double seconds, const std::atomic<bool>& leave) = 0;
    void finish(const RunResult& result, std::exception_ptr error) {
        result_ = result;
        error_ = std::move(error);
        done_ = true;
    }

private:
    py::tuple kept_;
    RunResult result_;
    std::exception_ptr error_;
    bool done_ = false;
};

template <class T>
class TrainTask : public PythonTask {
public:
    TrainTask(py::tuple kept, Shared<T>& network, TrainCall<T> call) : PythonTask(std::move(kept)), data_(call.data) {
        slice_.network = &network.network;
        slice_.lock = &network.lock;
        slice_.optimizer = call.optimizer;
        slice_.args = std::move(call.args);
    }

    bool goes_with(const Task& other) const override {
        const auto* that = dynamic_cast<const TrainTask<T>*>(&other);
        return that != nullptr && same_rows(data_, slice_.args, that->data_, that->slice_.args) &&
               worth_sharing(slice_) && worth_sharing(that->slice_);
    }

    bool large() const override {
        const TrainArgs& args = slice_.args;
        return slice_.network->program().flops_per_row(true) * double(args.batch_size) > kFlopsOfLargeStep;
    }
    double work_done() const override {
        return slice_.network->program().flops_per_row(true) * double(result_of_run().rows);
    }

    void run_group(const std::vector<Task*>& group, int threads, double seconds,
                   const std::atomic<bool>& leave) override {
        std::vector<SharingSlice<T>*> slices;
        for (Task* task : group) slices.push_back(&static_cast<TrainTask<T>*>(task)->slice_);
        train_sharing(slices, data_, threads, seconds, leave);
        for (Task* task : group) {
            auto* member = static_cast<TrainTask<T>*>(task);
            member->finish(member->slice_.result, member->slice_.error);
        }
    }

protected:
    RunResult work(int threads, double seconds, const std::atomic<bool>& leave) override {
        slice_.args.threads = threads;
        slice_.args.budget = seconds;
        slice_.args.leave = &leave;
        const std::lock_guard<std::mutex> guard(*slice_.lock);
        return slice_.network->train(data_, slice_.optimizer, slice_.args);
    }

private:
    DataSet data_;
    SharingSlice<T> slice_;
};

template <class T>
class EvaluateTask : public PythonTask {
public:
    EvaluateTask(py::tuple kept, Shared<T>& network, DataSet data, LossSpec loss, index_t batch_size)
        : PythonTask(std::move(kept)),
          network_(network),
          data_(data),
          loss_(std::move(loss)),
          batch_size_(batch_size) {}

    double work_done() const override { return network_.network.program().flops_per_row(false) * double(data_.x.rows); }

protected:
    RunResult work(int threads, double /*seconds*/, const std::atomic<bool>& /*leave*/) override {
        const std::lock_guard<std::mutex> guard(network_.lock);
        return network_.network.evaluate(data_, loss_, batch_size_, threads);
    }

private:
    Shared<T>& network_;
    DataSet data_;
    LossSpec loss_;
    index_t batch_size_;
};

// The signature of train(), made into a task that keeps the arguments alive.
template <class T, class... Arguments>
auto train_task(TrainCall<T> (*check)(Shared<T>&, Arguments...)) {
    return [check](Shared<T>& self, Arguments... arguments) -> std::unique_ptr<PythonTask> {
        return std::make_unique<TrainTask<T>>(py::make_tuple(py::cast(&self), arguments...), self,
                                              check(self, arguments...));
    };
}

template <class T>
std::unique_ptr<PythonTask> evaluate_task(Shared<T>& self, const py::object& x, const py::array& y,
                                          const py::object& sample_weight, const py::dict& loss, index_t batch_size) {
    require(batch_size >= 1, "batch_size: ", batch_size, " is not positive");
    const LossSpec spec = loss_from(loss);
    const DataSet data = labelled_data_set(x, y, sample_weight, self.input_width(), self.output_width(), spec);
    return std::make_unique<EvaluateTask<T>>(py::make_tuple(py::cast(&self), x, y, sample_weight, loss), self, data,
                                             spec, batch_size);
}

// The queue with what belongs to it in Python: the tasks, and whose they are.
class PythonTogether {
public:
    void add(const py::object& task, const py::object& owner, bool first) {
        auto* added = task.cast<PythonTask*>();
        require(!added->done(), "task: has been run already");
        require(kept_.emplace(added, Kept{task, owner}).second, "task: waits already");
        together_.add(added, first);
    }

    py::list withdraw() { return owners(together_.withdraw()); }

    void run(std::size_t trainings, int threads, double seconds, const py::function& turn) {
        require(threads >= 1, "threads: ", threads, " is not positive");
        const py::gil_scoped_release release;
        together_.run(trainings, threads, seconds, [&](const std::vector<Task*>& done) {
            const py::gil_scoped_acquire gil;
            const KeepDenormals as_in_numpy;
            return turn(owners(done)).cast<std::size_t>();
        });
    }

private:
    struct Kept {
        py::object task;
        py::object owner;
    };

    py::list owners(const std::vector<Task*>& tasks) {
        py::list list;
        for (Task* task : tasks) {
            const auto place = kept_.find(task);
            list.append(place->second.owner);
            kept_.erase(place);
        }
        return list;
    }

    Together together_;
    std::unordered_map<Task*, Kept> kept_;
};

template <class T>
void register_tasks_of(py::module_& m) {
    m.def("train_task", train_task(&train_call<T>), py::arg("network"), py::arg("x"), py::arg("y"),
          py::arg("sample_weight").none(true), py::arg("order").noconvert(), py::arg("learning_rates").noconvert(),
          py::arg("batch_size"), py::arg("loss"), py::arg("optimizer"), py::arg("slots"), py::arg("optimizer_step"),
          py::arg("step"), py::arg("seed"), py::arg("threads"), py::arg("budget"), py::arg("loss_sum") = 0.0,
          py::arg("weight_sum") = 0.0, py::arg("unchanged") = false);
    m.def("evaluate_task", &evaluate_task<T>, py::arg("network"), py::arg("x"), py::arg("y"),
          py::arg("sample_weight").none(true), py::arg("loss"), py::arg("batch_size"));
}

}  // namespace

void register_tasks(py::module_& m) {
    py::class_<PythonTask>(m, "Task", "Something to do for one network, beside others: see Together.")
        .def_property_readonly("done", &PythonTask::done)
        .def("result", &PythonTask::result, "What train() or evaluate() would have returned or raised.");
    register_tasks_of<float>(m);
    register_tasks_of<double>(m);
    py::class_<PythonTogether>(m, "Together",
                               "A queue of tasks of several networks, and workers that run them side by side.")
        .def(py::init<>())
        .def("add", &PythonTogether::add, py::arg("task"), py::arg("owner"), py::arg("first"),
             "Put a task of the owner's at the head or the end of the queue.")
        .def("withdraw", &PythonTogether::withdraw, "Take back the tasks nobody has begun; return their owners.")
        .def("run", &PythonTogether::run, py::arg("trainings"), py::arg("threads"), py::arg("seconds"), py::arg("turn"),
             "Run tasks, about `seconds` each; call turn(owners of tasks that are done), which adds what is next and "
             "returns how many trainings are left, between two tasks of this thread, until none is.");
}

}  // namespace steepest
