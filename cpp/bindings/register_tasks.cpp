#include "bindings/pybind11.hpp"

#include <exception>
#include <memory>

#include "bindings/data.hpp"
#include "bindings/register.hpp"
#include "bindings/train_call.hpp"
#include "core/check.hpp"
#include "engine/shared_rows.hpp"
#include "engine/together.hpp"

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
    // Whether the other task reads the same rows in the same order, so that both may go on in one: see group().
    virtual bool shares_rows(const PythonTask& /*other*/) const { return false; }
    virtual std::unique_ptr<Task> group(const std::vector<PythonTask*>& /*sharing*/) { return nullptr; }
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

    bool shares_rows(const PythonTask& other) const override {
        const auto* that = dynamic_cast<const TrainTask<T>*>(&other);
        return that != nullptr && same_rows(data_, slice_.args, that->data_, that->slice_.args) &&
               worth_sharing(slice_) && worth_sharing(that->slice_);
    }

    std::unique_ptr<Task> group(const std::vector<PythonTask*>& sharing) override {
        return std::make_unique<Group>(sharing);
    }

    double flops() const override { return flops_of(slice_.args.count); }
    double flops_done() const override { return flops_of(result_of_run().rows); }

protected:
    RunResult work(int threads, double seconds, const std::atomic<bool>& leave) override {
        slice_.args.threads = threads;
        slice_.args.budget = seconds;
        slice_.args.leave = &leave;
        const std::lock_guard<std::mutex> guard(*slice_.lock);
        return slice_.network->train(data_, slice_.optimizer, slice_.args);
    }

private:
    double flops_of(index_t rows) const { return slice_.network->program().flops_per_row(true) * double(rows); }

    class Group : public Task {
    public:
        explicit Group(const std::vector<PythonTask*>& sharing) {
            for (PythonTask* task : sharing) members_.push_back(static_cast<TrainTask<T>*>(task));
        }
        void run(int threads, double seconds, const std::atomic<bool>& leave) override {
            std::vector<SharingSlice<T>*> slices;
            for (TrainTask<T>* member : members_) slices.push_back(&member->slice_);
            train_sharing(slices, members_[0]->data_, threads, seconds, leave);
            for (TrainTask<T>* member : members_) member->finish(member->slice_.result, member->slice_.error);
        }

        double flops() const override {
            double sum = 0.0;
            for (const TrainTask<T>* member : members_) sum += member->flops();
            return sum;
        }
        double flops_done() const override {
            double sum = 0.0;
            for (const TrainTask<T>* member : members_) sum += member->flops_done();
            return sum;
        }

    private:
        std::vector<TrainTask<T>*> members_;
    };

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

    double flops() const override { return network_.network.program().flops_per_row(false) * double(data_.x.rows); }
    double flops_done() const override { return flops(); }

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

// Puts tasks that read the same rows into groups, at least two for each worker, so that the workers stay balanced.
std::vector<Task*> grouped(const std::vector<PythonTask*>& tasks, int threads,
                           std::vector<std::unique_ptr<Task>>* groups) {
    const std::size_t most = tasks.size() / (2 * std::size_t(threads));
    std::vector<bool> taken(tasks.size(), false);
    std::vector<Task*> all;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (taken[i]) continue;
        std::vector<PythonTask*> sharing{tasks[i]};
        for (std::size_t j = i + 1; j < tasks.size() && sharing.size() < most; ++j) {
            if (taken[j] || !tasks[i]->shares_rows(*tasks[j])) continue;
            taken[j] = true;
            sharing.push_back(tasks[j]);
        }
        if (sharing.size() > 1) groups->push_back(tasks[i]->group(sharing));
        all.push_back(sharing.size() > 1 ? groups->back().get() : tasks[i]);
    }
    return all;
}

void run_tasks(Together& self, const std::vector<PythonTask*>& tasks, int threads, double budget) {
    require(threads >= 1, "threads: ", threads, " is not positive");
    for (const PythonTask* task : tasks) require(!task->done(), "tasks: one has been run already");
    if (tasks.empty()) return;
    std::vector<std::unique_ptr<Task>> groups;
    const auto all = grouped(tasks, threads, &groups);
    const py::gil_scoped_release release;
    self.run(all, threads, budget);
}

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
    py::class_<Together>(m, "Together",
                         "Runs tasks of several networks side by side, on as many workers as is fastest.")
        .def(py::init<>())
        .def("run", &run_tasks, py::arg("tasks"), py::arg("threads"), py::arg("budget"),
             "Deal out the tasks to the workers, in order, until the time is over; those that had a turn are `done`.");
}

}  // namespace steepest
